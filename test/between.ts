import { Agent, createServer, request as ask } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** What WeChat has answered, for a meddler to change. */
export interface Genuine {
  url: string
  status: number
  headers: Record<string, string>
  body: Buffer
}

/** Answers in WeChat's place, or changes its answer. Without a result the answer goes on as it came. */
export type Meddler = (genuine: Genuine, response: ServerResponse) => Partial<Genuine> | 'answered' | undefined

export interface Between {
  /** Where the merchant finds WeChat. */
  url: string
  /** Where WeChat is: its origin. */
  to: string
  /** What is done to the answers from now on. */
  meddle: Meddler | undefined
  /** The path of each request, without its query. */
  asked: string[]
  /** Closes the port, or opens it again. */
  refuse(isRefused: boolean): Promise<void>
}

const HOP = ['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive']

const passed = (headers: IncomingMessage['headers']) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.includes(name))) as Record<string, string>

/** A machine between a merchant and WeChat. Whatever it is not set to change passes through, including an answer that breaks off or never comes. */
export async function between(t: Test, to = ''): Promise<Between> {
  const agent = new Agent()
  const server = createServer((request, response) => {
    machine.asked.push(request.url!.replace(/\?.*/, ''))
    const { method } = request
    const up = ask(machine.to + request.url, { method: method!, headers: passed(request.headers), agent })
    const lost = () => response.destroy()
    response.on('close', () => up.destroy())
    up.on('error', lost).on('response', (reply) => {
      const { meddle } = machine
      const status = reply.statusCode!
      if (meddle === undefined) {
        response.writeHead(status, passed(reply.headers))
        reply.on('error', lost).pipe(response)
        return
      }
      const chunks: Buffer[] = []
      reply.on('error', lost).on('data', (chunk: Buffer) => chunks.push(chunk))
      reply.on('end', () => {
        const genuine = { url: request.url!, status, headers: passed(reply.headers), body: Buffer.concat(chunks) }
        const changed = meddle(genuine, response)
        if (changed === 'answered') return
        const { status: its, headers, body } = { ...genuine, ...changed }
        response.writeHead(its, headers).end(body)
      })
    })
    request.pipe(up)
  })
  async function listen(port: number): Promise<number> {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const port = await listen(0)
  t.teardown(() => {
    agent.destroy()
    server.close().closeAllConnections()
  })
  const machine: Between = {
    url: `http://127.0.0.1:${port}`,
    to,
    meddle: undefined,
    asked: [],
    async refuse(isRefused) {
      if (isRefused === !server.listening) return
      if (!isRefused) {
        await listen(port)
        return
      }
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
  return machine
}
