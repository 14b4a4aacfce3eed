import { InvalidArgumentError } from 'commander'

/** Reads an option that takes a whole number, or what else `noun` calls it; without an end where `most` is absent. */
export function wholeNumber(least: number, most?: number, noun = 'whole number'): (text: string) => number {
  return numberIn(/^\d{1,15}$/, noun, least, most)
}

/** Reads an option that takes seconds, to the millisecond. */
export function seconds(least: number, most: number): (text: string) => number {
  return numberIn(/^\d{1,15}(\.\d{1,3})?$/, 'number of seconds', least, most)
}

function numberIn(form: RegExp, noun: string, least: number, most = Number.POSITIVE_INFINITY) {
  const end = most === Number.POSITIVE_INFINITY ? '' : ` to ${most}`
  return (text: string): number => {
    const value = form.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be a ${noun} from ${least}${end}.`)
  }
}
