import { shownLimit } from '../core/limits.js'

/** For JSON.stringify. */
export function unlimited(_key: string, value: unknown): unknown {
  return shownLimit(value)
}

/** As the admin API tells it, for whoever is to have it as a value: null where there is nothing, or no number. */
export function asShown<Shown extends object>(value: object): Shown {
  return JSON.parse(
    JSON.stringify(value, (_, each: unknown) => (each === undefined ? null : shownLimit(each))),
  ) as Shown
}
