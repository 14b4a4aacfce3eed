import { nearest } from '../core/nearest.js'

const PREFIX = /^(HEADCOUNT|WS)_/

/** The setting that was meant by a name like ours. Its prefix is no evidence: that alone would be half of a short name. */
export function nearestSetting(name: string, settings: readonly string[]): string | undefined {
  const bare = (setting: string) => setting.replace(PREFIX, '')
  const found = nearest(bare(name), settings.map(bare))
  return settings.find((setting) => bare(setting) === found) ?? nearestWhole(name, settings)
}

/** The same for any name: by so few slips that it is hardly anything else by chance, and by none in a short name. */
export function nearestWhole(name: string, settings: readonly string[]): string | undefined {
  return nearest(name, settings, Math.floor(name.length / 6))
}
