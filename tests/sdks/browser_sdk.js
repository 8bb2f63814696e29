// A storefront: `browser_sdk.js HOST KEY EVENTS SECONDS`. Segment's library for browsers in a page
// of jsdom; default settings but the hosts. Prints what was sent, by messageId.
import { JSDOM } from 'jsdom'

const [host, writeKey, events, seconds] = process.argv.slice(2)
const { window } = new JSDOM('<!doctype html><title>Shop</title>', { url: 'https://shop.example/home?utm_source=mail' })
for (const name of ['window', 'document', 'location', 'navigator', 'localStorage', 'sessionStorage', 'history']) {
  Object.defineProperty(globalThis, name, { value: name === 'window' ? window : window[name], configurable: true, writable: true })
}
// A browser says from which page it comes. What was answered with 200 is what the SDK counts as delivered.
const fetched = globalThis.fetch
const delivered = new Set()
window.fetch = globalThis.fetch = async (url, init = {}) => {
  const headers = new Headers(init.headers)
  headers.set('origin', window.location.origin)
  const answer = await fetched(url, { ...init, headers })
  if (answer.ok && init.body) delivered.add(JSON.parse(init.body).messageId)
  return answer
}
const { AnalyticsBrowser } = await import('@segment/analytics-next')
const [analytics] = await AnalyticsBrowser.load(
  { writeKey, cdnURL: host },
  { integrations: { 'Segment.io': { apiHost: `${host.replace(/^https?:\/\//, '')}/v1`, protocol: 'http' } } }
)
const sent = {}
const givenUp = new Set()
analytics.on('error', ({ ctx }) => ctx && givenUp.add(ctx.event.messageId))
const send = async (kind, ...call) => {
  const context = await analytics[kind](...call)
  sent[context.event.messageId] = kind
}
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
await send('page', 'Shop', 'Home')
await send('track', 'Product Viewed', { price: 19.9 })
await send('identify', 'browser-user', { first_name: 'Åsa' })
await send('screen', 'Shop', 'Start')
await send('group', 'family', { name: 'The Åbergs' })
await send('alias', 'browser-user', analytics.user().anonymousId())
const all = []
for (let number = 0; number < Number(events); number++) {
  all.push(send('track', 'Product Viewed', { price: 19.9, n: number }))
  await wait((Number(seconds) * 1000) / Number(events))
}
await Promise.all(all)
const unsettled = () => Object.keys(sent).some((id) => !delivered.has(id) && !givenUp.has(id))
for (const until = Date.now() + 60_000; unsettled() && Date.now() < until; ) await wait(50)
const failed = Object.keys(sent).filter((id) => !delivered.has(id))
process.stdout.write(JSON.stringify({ sent, failed }) + '\n', () => process.exit(0))
