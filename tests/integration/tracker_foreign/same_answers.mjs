// The npm package `bittorrent-tracker` brings a client and a server. Its client goes through one story with its own server, with
// our plain listener, and with our TLS listener (each machine with a certificate of its own); the answers must be the same.
//
// Where its server does what BEPs leave open and we do otherwise on purpose, `ours` says what to expect from the same answer:
//   - it lists the asking peer itself; we never do;
//   - it hands seeds to seeds; we do not;
//   - it lists peers to one who stops; we list none.
//
// usage: node same_answers.mjs FLEET.json   (the line that foreign_fleet printed; run from where the package is installed)
import assert from 'node:assert/strict'
import fs from 'node:fs'
import https from 'node:https'
import Client, { Server } from 'bittorrent-tracker'

const fleet = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))
const deadline = 20000 // milliseconds for one answer
const ports = { ann: 7101, bob: 7102, sue: 7103 }
const names = Object.keys(ports)

function withDeadline (what, promise) {
  let timer
  const late = new Promise((resolve, reject) => { timer = setTimeout(() => reject(new Error(`no answer to ${what}`)), deadline) })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

function agentOf (name) {
  const machine = fleet.machines[names.indexOf(name)]
  return new https.Agent({ cert: fs.readFileSync(machine.certificate), key: fs.readFileSync(machine.key), ca: fs.readFileSync(fleet.ca) })
}

/// A client whose every request is answered by { complete, incomplete, peers } or fails with the tracker's reason.
class Peer {
  constructor (name, announce, infoHash = fleet.info_hash) {
    this.name = name
    this.client = new Client({
      infoHash,
      peerId: Buffer.from(`-XX0001-${name.repeat(4)}`),
      announce: [announce],
      port: ports[name],
      proxyOpts: announce.startsWith('https:') ? { httpsAgent: agentOf(name) } : undefined
    })
  }

  request (what, options) {
    return withDeadline(`${this.name} ${what}`, new Promise((resolve, reject) => {
      const peers = []
      const onPeer = address => peers.push(address)
      const finish = settle => {
        for (const event of ['update', 'scrape', 'warning', 'error']) this.client.removeAllListeners(event)
        this.client.removeListener('peer', onPeer)
        settle()
      }
      this.client.on('peer', onPeer)
      // The peers of an answer are told right after it, in the same turn.
      this.client.once('update', ({ complete, incomplete }) =>
        setImmediate(() => finish(() => resolve({ complete, incomplete, peers: peers.sort() }))))
      this.client.once('scrape', ({ complete, incomplete, downloaded }) => finish(() => resolve({ complete, incomplete, downloaded })))
      for (const event of ['warning', 'error']) this.client.once(event, error => finish(() => reject(error)))
      this.client[what](options)
    }))
  }

  destroy () { return new Promise(resolve => this.client.destroy(resolve)) }
}

async function story (announce) {
  const peers = Object.fromEntries(names.map(name => [name, new Peer(name, announce)]))
  const told = []
  const tell = async (name, what, options) => told.push({ name, what, answer: await peers[name].request(what, options) })
  await tell('ann', 'start', { left: 1000 })
  await tell('bob', 'start', { left: 1000 })
  await tell('sue', 'start', { left: 0 })
  await tell('ann', 'update', { left: 500 })
  await tell('bob', 'update', { left: 500 })
  await tell('ann', 'scrape')
  await tell('ann', 'complete', { left: 0 })
  await tell('ann', 'scrape')
  await tell('bob', 'update', { left: 100 })
  await tell('bob', 'stop', { left: 100 })
  await tell('sue', 'scrape')
  await tell('sue', 'update', { left: 0 })
  await tell('ann', 'stop', { left: 0 })
  await tell('sue', 'stop', { left: 0 })
  await Promise.all(names.map(name => peers[name].destroy()))
  return told
}

/// What we answer where the package's server answered `told`.
function ours (told) {
  const complete = new Set()
  const address = name => `127.0.0.1:${ports[name]}`
  return told.map(({ name, what, answer }) => {
    if (name === 'sue' || (name === 'ann' && what === 'complete')) complete.add(name)
    if (what === 'scrape') return { name, what, answer }
    const unwanted = new Set([address(name), ...(complete.has(name) ? [...complete].map(address) : [])])
    const peers = what === 'stop' ? [] : answer.peers.filter(peer => !unwanted.has(peer))
    return { name, what, answer: { ...answer, peers } }
  })
}

/// Its server counts the complete as downloaded ("only a lower bound", it says); we count completed events.
function withoutDownloaded (told) {
  return told.map(({ name, what, answer: { downloaded, ...answer } }) => ({ name, what, answer }))
}

async function refusal (announce) {
  const peer = new Peer('ann', announce, '00'.repeat(20))
  const error = await peer.request('start', { left: 1 }).then(() => null, error => error)
  await peer.destroy()
  return error?.message
}

function startTheirs () {
  const filter = (hash, params, cb) => cb(hash === fleet.info_hash ? null : new Error('not here'))
  const server = new Server({ udp: false, ws: false, http: true, filter })
  server.on('warning', () => {})
  return withDeadline('listen', new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  }))
}

const theirs = await startTheirs()
const theirUrl = `http://127.0.0.1:${theirs.http.address().port}/announce`
const reference = ours(await story(theirUrl))
assert.equal(await refusal(theirUrl), 'not here')
assert.deepEqual(reference[4].answer, { complete: 1, incomplete: 2, peers: ['127.0.0.1:7101', '127.0.0.1:7103'] }, 'the reference itself')

for (const base of [fleet.plain, fleet.tls]) {
  const told = await story(`${base}/announce`)
  assert.deepEqual(withoutDownloaded(told), withoutDownloaded(reference), `the answers of ${base}`)
  const scrapes = told.filter(({ what }) => what === 'scrape').map(({ answer }) => answer.downloaded)
  // The swarm of the first story goes on in the second.
  assert.deepEqual(scrapes, base === fleet.plain ? [0, 1, 1] : [1, 2, 2], 'completed events')
  assert.match(await refusal(`${base}/announce`), /^unregistered torrent/)
  console.log(`same answers from ${base}`)
}
theirs.close()
process.exit(0)
