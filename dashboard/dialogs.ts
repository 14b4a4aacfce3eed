import type { Answer } from './api.js'
import { byId, setText, within } from './dom.js'

/** What a dialog does when it is confirmed: an answer of the admin API, or a reason not to ask. */
export type Attempt = () => Promise<Answer<unknown> | { readonly ok: false; readonly said: string }>

/**
 * Opens a dialog of the page and makes its form do something. It closes when that has succeeded and resolves to
 * whether; what went wrong is told in the dialog, which stays. Escape and Cancel change nothing, and do nothing while an
 * attempt is under way: what has been asked of the server cannot be taken back, and its end is to be seen.
 */
export function ask(id: string, attempt: Attempt): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>(id)
  const form = within<HTMLFormElement>(dialog, 'form')
  const problem = within(dialog, '.problem')
  const submit = within<HTMLButtonElement>(dialog, 'button[type=submit]')
  const cancel = dialog.querySelector<HTMLButtonElement>('.cancel')
  let trying = false
  const waits = (now: boolean) => {
    trying = now
    submit.disabled = now
    if (cancel) cancel.disabled = now
  }
  setText(problem, '')
  waits(false)
  return new Promise((resolve) => {
    form.onsubmit = async (event) => {
      event.preventDefault()
      waits(true)
      const answer = await attempt()
      waits(false)
      if (answer.ok) return dialog.close('done')
      setText(problem, answer.said)
    }
    if (cancel) cancel.onclick = () => dialog.close('')
    dialog.oncancel = (event) => {
      if (trying) event.preventDefault()
    }
    dialog.returnValue = ''
    // Browsers obey a second Escape whatever the page says. All questions share one dialog: left closed, it could be opened
    // for another thing, and this attempt's answer would be taken for an answer to that.
    dialog.onclose = () => (trying ? dialog.showModal() : resolve(dialog.returnValue === 'done'))
    dialog.showModal()
  })
}

/** Asks before something is done that cannot be undone. The button says what will happen. */
export function confirmed(words: { title: string; text: string; button: string }, attempt: Attempt): Promise<boolean> {
  const dialog = byId('confirm')
  setText(within(dialog, 'h2'), words.title)
  setText(within(dialog, '.text'), words.text)
  setText(within(dialog, 'button[type=submit]'), words.button)
  const done = ask('confirm', attempt)
  // Return alone must not close connections.
  within(dialog, '.cancel').focus()
  return done
}

/** Tells what became of an action, until it is dismissed or the next one is told. */
export function tell(text: string): void {
  const result = byId('result')
  setText(within(result, 'span'), text)
  result.hidden = false
  within(result, 'button').onclick = () => {
    result.hidden = true
  }
}

export function tellNothing(): void {
  byId('result').hidden = true
}
