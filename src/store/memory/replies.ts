import type { FenceRefusal, Reply } from '../lease-store.js'

export function ok<T>(value: T): Reply<T> {
  return { status: 'ok', value }
}

export function refused(reason: FenceRefusal): Reply<never> {
  return { status: 'refused', reason }
}
