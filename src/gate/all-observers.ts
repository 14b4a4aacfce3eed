import type { GateObserver } from './gate-observer.js'

/** One observer that tells each of these everything. It hears of faults only if one of them does. */
export function allObservers(...observers: readonly GateObserver[]): GateObserver {
  const tell = <E>(each: (observer: GateObserver, event: E) => void) => {
    return (event: E) => {
      for (const observer of observers) each(observer, event)
    }
  }
  return {
    upgradeRefused: tell((observer, event) => observer.upgradeRefused?.(event)),
    connectionOpened: tell((observer, event) => observer.connectionOpened?.(event)),
    connectionClosed: tell((observer, event) => observer.connectionClosed?.(event)),
    ...(observers.some(({ faulted }) => faulted) && { faulted: tell((observer, event) => observer.faulted?.(event)) }),
  }
}
