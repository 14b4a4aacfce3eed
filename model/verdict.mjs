// What a search found, by what it printed. A search that ran into a bound has found no error either: it has not looked.

/** The name of the promise that broke; `holds` where none did and all histories were seen; else `incomplete`. */
export function verdictOf(output) {
  const broken = /assertion violated (\w+)/.exec(output)?.[1]
  if (broken) return broken
  const complete = /errors: 0/.test(output) && !/Search not completed|error: /.test(output)
  return complete ? 'holds' : 'incomplete'
}
