/** As many as there are orgs: each client is of another one than the 20,000 before it. */
export const KEYS = 20_000

/** What a client sends to be known. */
export const keyOf = (org) => `secret-of-org-${org}`
