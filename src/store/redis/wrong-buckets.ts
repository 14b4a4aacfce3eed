/** The script's answer to a node that was told of another number of buckets: a sound reply, and a setting that is not. */
export class WrongBuckets extends Error {
  constructor(buckets: string) {
    super(`these keys are spread over ${buckets} buckets: name that many in the Redis URL`)
  }
}
