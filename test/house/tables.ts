import { catalogue } from '../../src/cli/doctor/findings.js'
import { METRIC_PREFIX, METRICS, type MetricRow } from '../../src/observe/metrics/metrics-catalogue.js'
import { settingsList } from '../../src/server/config-settings.js'

/** The configuration table of the README, as Markdown. */
export function settingsTable(): string {
  const rows = settingsList.map(({ name, flag, default: usual, defaultShown = 'none', description }) => {
    return `| \`${name}\` | \`${flag}\` | ${usual === undefined ? defaultShown : `\`${usual}\``} | ${description} |`
  })
  return ['| variable | flag | default | |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** The table of docs/metrics.md. */
export function metricsTable(): string {
  const rows = Object.entries<MetricRow>(METRICS).map(([name, { type, help, labels = [] }]) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${METRIC_PREFIX}${name}\` | ${type} | ${shown} | ${help} |`
  })
  return ['| metric | type | labels | |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** The table of what doctor finds, as docs/cli.md has it. */
export function findingsTable(): string {
  const rows = Object.entries(catalogue).map(([code, [severity, todo]]) => `| \`${code}\` | ${severity} | ${todo} |`)
  return ['| finding | | what to do |', '| --- | --- | --- |', ...rows].join('\n')
}
