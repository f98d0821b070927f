import type { Socket } from 'node:net'
import { Agent, buildConnector, Pool, request } from 'undici'
import type { Dispatcher } from 'undici'
import type { Secret } from '../base/secret.ts'
import { codeOf } from '../base/thrown.ts'
import type { ClientCert } from './certificate.ts'

/** No connection was made: not a byte of the request has left this machine. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected'
  /** Not as `code`: undici would reconnect again and again for some codes. */
  readonly reason: string

  constructor(reason: string) {
    super(reason)
    this.reason = reason
  }
}

export interface ConnectionOptions {
  /** Real ms for everything: to the proxy, through it, and the TLS handshake. */
  timeoutMs: number
  /** The client certificate. WeChat sees it, a proxy does not. */
  cert: ClientCert | undefined
  /** An HTTP proxy that tunnels every connection (CONNECT). It learns the names of the hosts, but not the contents of TLS. */
  proxy: Secret | undefined
}

export interface Connections {
  /** Like undici's `request`. Rejects with `NotConnected` if there is no connection to send it on. */
  request(url: string, options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'>): Promise<Dispatcher.ResponseData>
  close(): Promise<void>
}

export function createConnections({ timeoutMs, cert, proxy }: ConnectionOptions): Connections {
  const direct = buildConnector({ timeout: timeoutMs, ...cert })
  const tunnels = proxy && createTunnels(proxy, timeoutMs)

  function tunnelled(target: buildConnector.Options, callback: buildConnector.Callback): void {
    const limit = AbortSignal.timeout(timeoutMs)
    tunnels!.open(target, limit).then(
      (socket) => {
        if (target.protocol === 'http:') {
          callback(null, socket)
          return
        }
        // The handshake gets the rest of the time.
        const giveUp = () => socket.destroy(limit.reason as Error)
        limit.addEventListener('abort', giveUp)
        direct({ ...target, httpSocket: socket }, (...result) => {
          limit.removeEventListener('abort', giveUp)
          callback(...result)
        })
      },
      (error: Error) => {
        callback(error, null)
      },
    )
  }

  function connect(target: buildConnector.Options, callback: buildConnector.Callback): void {
    const via = tunnels === undefined ? direct : tunnelled
    via(target, (error, socket) => {
      if (error === null) callback(null, socket)
      else callback(error instanceof NotConnected ? error : new NotConnected(codeOf(error)), null)
    })
  }

  // The caller has a deadline for headers and body.
  const agent = new Agent({ connect, headersTimeout: 0, bodyTimeout: 0 })
  return {
    request: (url, options) => request(url, { ...options, dispatcher: agent }),
    async close() {
      await agent.close()
      await tunnels?.close()
    },
  }
}

function createTunnels(proxy: Secret, timeoutMs: number) {
  const { origin, username, password } = new URL(proxy.reveal())
  const pool = new Pool(origin, { connect: { timeout: timeoutMs } })
  const credentials = Buffer.from([username, password].map(decodeURIComponent).join(':')).toString('base64')
  return {
    async open({ host, port, protocol }: buildConnector.Options, signal: AbortSignal) {
      const authority = port ? host! : `${host}:${protocol === 'https:' ? 443 : 80}`
      const { statusCode, socket } = await pool.connect({
        path: authority,
        headers: { host: authority, ...(username && { 'proxy-authorization': `Basic ${credentials}` }) },
        signal,
      })
      if (statusCode === 200) return socket as Socket
      socket.on('error', () => {}).destroy()
      throw new NotConnected(`the proxy answered ${statusCode}`)
    },
    close: async () => {
      await pool.close()
    },
  }
}
