import { settingsList } from './config-settings.js'

/** Every setting with its flag, default and meaning, as a terminal shows it. */
export function settingsHelp(): string {
  return settingsList
    .map(({ flag, name, default: usual, defaultShown = 'none', description }) => {
      return `  ${flag}, ${name} (${usual ?? defaultShown})\n      ${description}`
    })
    .join('\n')
}
