import { byId } from './dom.js'

const KEY = 'headcount.theme'
const ORDER = ['system', 'light', 'dark']

/** The switch between the system's colours, light and dark; the choice is kept in this browser. */
export function themeSwitch(): void {
  const button = byId('theme')
  const apply = (theme: string) => {
    if (theme === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
    button.textContent = `Theme: ${theme}`
  }
  const kept = localStorage.getItem(KEY) ?? 'system'
  let theme = ORDER.includes(kept) ? kept : 'system'
  apply(theme)
  button.addEventListener('click', () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]!
    localStorage.setItem(KEY, theme)
    apply(theme)
  })
}
