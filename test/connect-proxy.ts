import { createServer as createHttp } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { ServerOptions } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Test } from 'tap'

export interface ConnectProxy {
  /** Without credentials. */
  url: string
  port: number
  /** Every CONNECT: its host and port, and its headers. */
  asked: { authority: string; headers: IncomingMessage['headers'] }[]
  /** The name in the certificate that each client presented to the proxy. */
  presented: unknown[]
  /** Every byte that passed, in both directions. */
  seen: () => string
}

/** A real HTTP proxy on loopback that opens tunnels until the test ends. `instead` answers a CONNECT in another way. */
export async function connectProxy(
  t: Test,
  {
    credentials,
    tls,
    instead,
  }: {
    /** `user:password`; a client without them gets a 407. */
    credentials?: string
    tls?: ServerOptions
    instead?: (socket: Duplex) => void
  } = {},
): Promise<ConnectProxy> {
  const asked: ConnectProxy['asked'] = []
  const presented: ConnectProxy['presented'] = []
  const bytes: Buffer[] = []
  const sockets = new Set<Duplex>()
  const listener: RequestListener = (_request, response) => {
    response.writeHead(400).end('a request that is not CONNECT')
  }
  const server = tls === undefined ? createHttp(listener) : createHttps(tls, listener)
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    client.on('error', () => {})
    const authority = request.url!
    asked.push({ authority, headers: request.headers })
    if (client instanceof TLSSocket) presented.push(client.getPeerCertificate().subject?.CN)
    if (instead !== undefined) {
      instead(client)
      return
    }
    const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`
    if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n')
      return
    }
    const { hostname, port } = new URL(`http://${authority}`)
    const target = connect(Number(port) || 80, hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        from.on('data', (chunk: Buffer) => bytes.push(chunk))
        from.pipe(to)
      }
    })
    target.on('error', () => {
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
    sockets.add(target)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}`,
    port,
    asked,
    presented,
    seen: () => Buffer.concat(bytes).toString('latin1'),
  }
}
