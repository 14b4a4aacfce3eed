import type { Level } from './dom.js'
import type { Limit, Org } from './types.js'

const grouped = new Intl.NumberFormat('en')

export function number(value: number): string {
  return grouped.format(value)
}

export function limitText(limit: Limit): string {
  return limit === 'unlimited' ? 'unlimited' : number(limit)
}

/** A part of the limit from 0, 1 being full; above 1 where the limit was lowered, 0 where there is none. */
export function utilisation({ currentCount, maxAllowed }: Pick<Org, 'currentCount' | 'maxAllowed'>): number {
  if (maxAllowed === 'unlimited') return 0
  // What may hold nothing is full, and the more it holds the worse.
  return maxAllowed === 0 ? 1 + currentCount : currentCount / maxAllowed
}

export function levelOf(utilised: number): Level {
  if (utilised >= 1) return 'bad'
  return utilised >= 0.8 ? 'warn' : ''
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const

/** One unit is enough to see what is old: `4 s`, `12 min`, `3 d`. */
export function duration(ms: number): string {
  for (const [unit, size] of UNITS) if (ms >= size) return `${Math.floor(ms / size)} ${unit}`
  return ms < 950 ? '< 1 s' : `${Math.round(ms / 1_000)} s`
}

/** For what is short: `0.8 ms`, `24 ms`. */
export function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : number(Math.round(ms))} ms`
}

/** How long ago a time of the server was, by this machine's clock: never below zero. */
export function age(at: string | undefined, nowMs: number): string {
  const then = Date.parse(at ?? '')
  return Number.isNaN(then) ? '–' : duration(Math.max(0, nowMs - then))
}

export function timeOfDay(at: string | number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? '–' : date.toLocaleTimeString('en-GB')
}

/** As in Sweden, which nobody reads as another day, and in whose time: `2026-11-22 17:48:25 GMT+1`. */
export function dateAndTime(at: string): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? '–' : date.toLocaleString('sv-SE', { timeZoneName: 'short' })
}
