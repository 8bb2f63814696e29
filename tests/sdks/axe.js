// `axe.js FILE…`: what Deque's axe finds against WCAG 2.2 AA and its best practices in pages of HTML,
// as JSON: by file, a line for each element. In jsdom nothing is laid out: colours are another test's.
import { readFileSync } from 'node:fs'
import axe from 'axe-core'
import { JSDOM } from 'jsdom'

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const asked = { runOnly: tags, resultTypes: ['violations'], rules: { 'color-contrast': { enabled: false } } }
const { window } = new JSDOM('', { runScripts: 'outside-only', pretendToBeVisual: true })
window.eval(axe.source)
const found = {}
for (const file of process.argv.slice(2)) {
  const { document } = window
  document.open()
  document.write(readFileSync(file, 'utf8'))
  document.close()
  const { violations } = await window.axe.run(document, asked)
  found[file] = violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`))
}
console.log(JSON.stringify(found))
