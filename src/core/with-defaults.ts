/** What may be given of these: of each nothing, or `undefined`, which counts as nothing. */
export type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** What was given, over the defaults. `undefined` counts as absent; a spread would put it in the default's place. */
export function withDefaults<T extends object>(defaults: T, given: Optional<T>): T {
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(said) }
}
