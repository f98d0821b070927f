import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** A route to a database server on which connections get lost. */
export interface LossyWay {
  /** The server's URL by this route. */
  url: string
  /** The next new connection is lost as soon as it is ready: the server's final message arrives in the same packet as its greeting. */
  loseNext(): void
  /** Ends every connection as the server does when an administrator ends it; resolves when the clients have noticed. */
  loseAll(): Promise<unknown>
}

/** How a server's greeting ends, and its message when it ends a connection. MySQL sends none. */
const PROTOCOLS: Record<string, { isReady: (packet: Buffer) => boolean; lastWord: string }> = {
  'postgres:': {
    isReady: (packet) => packet.subarray(-6).equals(Buffer.from('Z\0\0\0\x05I')),
    lastWord: 'E\0\0\0\x4fSFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0',
  },
  'mysql:': {
    isReady: (packet) => packet.length > 4 && packet[3] === 2 && packet[4] === 0,
    lastWord: '',
  },
}

export async function lossyWay(t: Test, server: string): Promise<LossyWay> {
  const url = new URL(server)
  const { isReady, lastWord } = PROTOCOLS[url.protocol]!
  const [host, port] = [url.hostname, Number(url.port)]
  const connections = new Set<() => Promise<unknown>>()
  let losing = false
  const listener = createServer((inbound) => {
    const outbound = connect(port, host)
    const closed = once(inbound, 'close')
    const lose = (packet = '') => {
      connections.delete(lose)
      outbound.destroy()
      inbound.end(packet + lastWord, 'latin1')
      return closed
    }
    connections.add(lose)
    inbound.on('error', () => {}).on('data', (packet) => outbound.write(packet))
    outbound
      .on('error', () => {})
      .on('data', (packet) => {
        if (losing && isReady(packet)) {
          losing = false
          lose(packet.toString('latin1'))
        } else inbound.write(packet)
      })
    outbound.once('close', () => inbound.end())
    inbound.once('close', () => {
      connections.delete(lose)
      outbound.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => listener.close())
  url.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`
  return {
    url: url.href,
    loseNext() {
      losing = true
    },
    loseAll: () => Promise.all([...connections].map((lose) => lose())),
  }
}
