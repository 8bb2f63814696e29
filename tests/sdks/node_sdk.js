// A shop's backend in Node: `node_sdk.js HOST KEY EVENTS SECONDS`; default settings but the host.
// Prints what was sent, by messageId, and what the SDK reported as not delivered.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, events, seconds] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host })
const sent = {}
const failed = []
const told = (error, context) => {
  if (error) failed.push(context.event.messageId)
}
const send = (kind, call) => {
  const messageId = `node-${Object.keys(sent).length}`
  sent[messageId] = kind
  analytics[kind]({ ...call, messageId }, told)
}
const userId = 'node-user'
send('identify', { userId, traits: { email: 'node-user@shop.example', first_name: 'Åsa' } })
send('page', { userId, category: 'Shop', name: 'Home', properties: { url: 'https://shop.example/' } })
send('screen', { userId, name: 'Start' })
send('group', { userId, groupId: 'family', traits: { name: 'The Åbergs' } })
send('alias', { userId, previousId: 'node-before' })
for (let number = 0; number < Number(events); number++) {
  send('track', { userId: `${userId}-${number % 50}`, event: 'Product Viewed', properties: { price: 19.9, n: number } })
  await new Promise((done) => setTimeout(done, (Number(seconds) * 1000) / Number(events)))
}
await analytics.closeAndFlush({ timeout: 90_000 })
console.log(JSON.stringify({ sent, failed }))
