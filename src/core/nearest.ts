/** The candidate that differs from `word` by the fewest typing slips, if there is one within `most`. */
export function nearest(
  word: string,
  candidates: readonly string[],
  most = Math.floor(word.length / 3),
): string | undefined {
  let best: string | undefined
  let fewest = most + 1
  for (const candidate of candidates) {
    // Of so many characters more one is wrong each; a word may be as long as a file.
    if (Math.abs(word.length - candidate.length) >= fewest) continue
    const slips = editDistance(word, candidate)
    if (slips < fewest) {
      best = candidate
      fewest = slips
    }
  }
  return best
}

/** Insertions, deletions, replacements of one character, and swaps of two neighbours, that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let above: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? above[j - 2]! + 1 : Number.POSITIVE_INFINITY
      next.push(Math.min(replaced, swapped, row[j]! + 1, next[j - 1]! + 1))
    }
    above = row
    row = next
  }
  return row[b.length]!
}
