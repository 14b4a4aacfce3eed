/** What came of asking several: who answered, in the order asked, and the first failure, if any. Never rejects. */
export async function answered<T>(asked: readonly Promise<T>[]): Promise<{ given: T[]; failed: Error | undefined }> {
  const answers = await Promise.allSettled(asked)
  const failure = answers.find((answer) => answer.status === 'rejected')
  return {
    given: answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])),
    failed: failure && (failure.reason as Error),
  }
}
