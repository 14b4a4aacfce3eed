import type { Fence, HelloRequest } from '../lease-store.js'

/** Keys, arguments, and how the reply is read. */
export type ScriptCall<T> = [keys: string[], args: (string | number)[], read: (rest: unknown[]) => T]

/** Who calls, as the script takes it: the first two arguments of every verb but hello. */
export type Caller = readonly [lease: number, token: string]

export function callerOf(fence: Fence): Caller {
  return [fence.lease, tokenOf(fence)]
}

export function tokenOf({ generation, epoch }: Pick<Fence, 'generation' | 'epoch'>): string {
  return `${generation}:${epoch}`
}

/** What a hello says of the life before it: of this lease, or where that is new of the one before; nothing of none. */
export function lastSaid({ known, lastEpoch }: HelloRequest): string {
  if (known) return tokenOf(known)
  return lastEpoch === undefined ? '' : `:${lastEpoch}`
}
