import { type Answer, type Api, orgPath } from './api.js'
import { ask, confirmed, tell } from './dialogs.js'
import { byId, setText } from './dom.js'
import { limitText, number } from './format.js'
import type { Holder, OrgDetails } from './types.js'

interface Evicted {
  readonly ordered: number
  readonly leaving: number
  readonly truncated?: boolean
}

const SOON = 'It is closed with 4409 within a renew interval, on whatever node it is. A client may connect again.'

/** What an operator can do for an org. Each is asked for, confirmed, and its result told. */
export class OrgActions {
  readonly #api: Api
  readonly #changed: () => void

  /** `changed` is called after each change, to show it. */
  constructor(api: Api, changed: () => void) {
    this.#api = api
    this.#changed = changed
  }

  async disconnect({ connectionId, gateway, address }: Holder): Promise<void> {
    const who = [gateway && `gateway ${gateway}`, address && `from ${address}`].filter(Boolean).join(', ')
    const words = {
      title: `Disconnect ${connectionId}?`,
      text: `${who ? `${who}. ` : ''}${SOON}`,
      button: 'Disconnect',
    }
    const attempt = () => this.#api.send('DELETE', `connections/${encodeURIComponent(connectionId)}`)
    if (await confirmed(words, attempt)) this.#done(`${connectionId} was told to close.`)
  }

  async disconnectAll({ orgId, currentCount }: OrgDetails): Promise<void> {
    const text =
      `All ${number(currentCount)} connections that the org holds now are closed with 4409, about 256 a second on each ` +
      'node. What connects afterwards is let in: set the limit to 0 first to keep the org out.'
    let evicted: Evicted | undefined
    const attempt = async () => {
      const answer = await this.#api.send<Evicted>('DELETE', `${orgPath(orgId)}/connections`)
      if (answer.ok) evicted = answer.body
      return answer
    }
    if (!(await confirmed({ title: `Disconnect all of ${orgId}?`, text, button: 'Disconnect all' }, attempt))) return
    const rest = evicted?.truncated ? ' There are more: say it again.' : ''
    this.#done(`${number((evicted?.ordered ?? 0) + (evicted?.leaving ?? 0))} connections were told to close.${rest}`)
  }

  async setLimit({ orgId, maxAllowed, override }: OrgDetails): Promise<void> {
    const [value, ends, note, by] = ['limit-value', 'limit-for', 'limit-note', 'limit-by'].map((id) =>
      byId<HTMLInputElement>(id),
    )
    setText(byId('limit-title'), `Limit of ${orgId}`)
    value!.value = String(maxAllowed)
    ends!.value = ''
    note!.value = override?.note ?? ''
    by!.value = override?.by ?? by!.value
    let set: OrgDetails | undefined
    const attempt = async (): Promise<Answer<unknown>> => {
      const limit = value!.value === 'unlimited' ? 'unlimited' : Number(value!.value)
      const terms = { for: ends!.value.trim(), note: note!.value.trim(), by: by!.value.trim() }
      const given = Object.fromEntries(Object.entries(terms).filter(([, text]) => text !== ''))
      const answer = await this.#api.send<OrgDetails>('PUT', `${orgPath(orgId)}/limit`, { limit, ...given })
      if (answer.ok) set = answer.body
      return answer
    }
    if (await ask('limit', attempt)) this.#done(`The limit of ${orgId} is ${limitText(set!.maxAllowed)} from now on.`)
  }

  async clearLimit({ orgId }: OrgDetails): Promise<void> {
    const text =
      'The limit of its tier, or the default, counts again from the next admission on. Whoever is too many then stays, ' +
      'unless the nodes are set to close them (HEADCOUNT_ON_LIMIT_LOWERED).'
    let now: OrgDetails | undefined
    const attempt = async () => {
      const answer = await this.#api.send<OrgDetails>('DELETE', `${orgPath(orgId)}/limit`)
      if (answer.ok) now = answer.body
      return answer
    }
    const words = { title: `Take back the limit of ${orgId}?`, text, button: 'Take it back' }
    if (await confirmed(words, attempt)) this.#done(`The limit of ${orgId} is ${limitText(now!.maxAllowed)} again.`)
  }

  #done(text: string): void {
    tell(text)
    this.#changed()
  }
}
