import { settingsList } from './config-settings.js'

const defaultOf = (setting: (typeof settingsList)[number]) => setting.default ?? setting.defaultShown ?? 'none'

/** The configuration table of the README, as Markdown. */
export function settingsTable(): string {
  const rows = settingsList.map((setting) => {
    const shown = setting.default === undefined ? defaultOf(setting) : `\`${setting.default}\``
    return `| \`${setting.name}\` | \`${setting.flag}\` | ${shown} | ${setting.description} |`
  })
  return ['| variable | flag | default | |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** The same for a terminal. */
export function settingsHelp(): string {
  return settingsList
    .map((setting) => `  ${setting.flag}, ${setting.name} (${defaultOf(setting)})\n      ${setting.description}`)
    .join('\n')
}
