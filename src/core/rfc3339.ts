const FORM = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** Whether it is a time as RFC 3339 writes it, and there is such a time. */
export function isRfc3339(value: unknown): value is string {
  return typeof value === 'string' && FORM.test(value) && !Number.isNaN(Date.parse(value))
}
