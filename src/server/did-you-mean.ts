/** How an error about an unknown setting goes on: with the one that was meant, or with where all of them stand. */
export function didYouMean(guess: string | undefined): string {
  return guess === undefined ? '; `headcount config doc` lists them.' : `; did you mean ${guess}?`
}
