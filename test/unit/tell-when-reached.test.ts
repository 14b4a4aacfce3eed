import { beforeEach, expect, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { tellWhenReached } from '../../src/limiter/tell-when-reached.js'

let events: EventBus
let told: string[]

beforeEach(() => {
  events = new EventBus()
  told = []
  tellWhenReached(events, 80, 'org.nearly_full')
  events.on('org.nearly_full', ({ org, currentCount, maxAllowed }) => {
    told.push(`${org} ${currentCount}/${maxAllowed}`)
  })
})

function grant(currentCount: number, maxAllowed: number, org = 'acme') {
  events.emit('admission.granted', { connectionId: 'c', org, currentCount, maxAllowed })
}

function deny(currentCount: number, maxAllowed: number, org = 'acme') {
  events.emit('admission.denied', { org, code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount, maxAllowed })
}

test('an org is nearly full once a crossing, not once a connection', () => {
  for (const count of [6, 7, 8, 9, 10]) grant(count, 10)
  deny(10, 10)
  expect(told).toEqual(['acme 8/10'])
  for (const count of [9, 10, 7, 8, 9]) grant(count, 10)
  expect(told).toEqual(['acme 8/10', 'acme 8/10'])
})

test('says it by the event that it was given, and of no other share', () => {
  const full: number[] = []
  tellWhenReached(events, 100, 'org.full')
  events.on('org.full', ({ currentCount }) => full.push(currentCount))
  for (const count of [8, 9, 10, 10]) grant(count, 10)
  expect([full, told]).toEqual([[10], ['acme 8/10']])
})

test('each org has a crossing of its own; a denial shows one too', () => {
  grant(80, 100)
  grant(79, 100, 'globex')
  deny(3, 3, 'initech')
  deny(3, 3, 'initech')
  expect(told).toEqual(['acme 80/100', 'initech 3/3'])
})

test('a raised limit ends it, a lowered one begins it', () => {
  grant(8, 10)
  grant(9, 100)
  grant(10, 12)
  expect(told).toEqual(['acme 8/10', 'acme 10/12'])
})

test('nothing comes near no limit, and nothing near a limit of none; a denial for another reason shows nothing', () => {
  grant(1_000_000, Number.POSITIVE_INFINITY)
  deny(0, 0)
  events.emit('admission.denied', { org: 'acme', code: 'STORE_UNAVAILABLE' })
  expect(told).toEqual([])
})

test('what is reserved is part of the limit; another limit that is full says nothing of the org', () => {
  const [org, counts] = ['acme', { currentCount: 7, maxAllowed: 5 }]
  events.emit('admission.granted', { connectionId: 'c', org, ...counts, reserved: 5 })
  events.emit('admission.denied', { org, code: 'ORG_CONNECTION_LIMIT_EXCEEDED', ...counts, reserved: 5 })
  events.emit('admission.denied', { org, code: 'GATEWAY_CONNECTION_LIMIT_EXCEEDED', currentCount: 2, maxAllowed: 2 })
  expect(told).toEqual([])
  events.emit('admission.denied', { org, code: 'ORG_CONNECTION_LIMIT_EXCEEDED', ...counts, reserved: 3 })
  expect(told).toEqual(['acme 7/8'])
})

test('orgs without number do not grow it', () => {
  for (let org = 0; org < 10_001; org++) grant(1, 1, `org-${org}`)
  told = []
  grant(1, 1, 'org-10000')
  grant(1, 1, 'org-0')
  expect(told).toEqual(['org-0 1/1'])
})
