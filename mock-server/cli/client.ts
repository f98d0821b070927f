import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'

/** What the user sees when a command fails. */
export class CommandError extends Error {}

/** Nothing answers at that address. */
export class NoAnswer extends CommandError {}

/** A call to a running mock; resolves with the JSON it answers. */
export type Ask = (method: 'GET' | 'POST', path: string, body?: object) => Promise<unknown>

/** Sends a body and resolves with the response. */
async function exchange(url: URL, method: string, body: string, headers = {}): Promise<IncomingMessage> {
  // A mock's certificate is made for tests.
  const request =
    url.protocol === 'https:'
      ? httpsRequest(url, { method, headers, agent: false, rejectUnauthorized: false })
      : httpRequest(url, { method, headers, agent: false })
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject)
  })
  request.end(body)
  return response
}

export const post = (url: URL, body: string, headers = {}) => exchange(url, 'POST', body, headers)

async function send(url: URL, method: string, body: string): Promise<{ status: number; answer: string }> {
  const response = await exchange(url, method, body)
  return { status: response.statusCode!, answer: await text(response) }
}

function read(answer: string): { code?: unknown; message?: unknown } | undefined {
  try {
    return JSON.parse(answer) as object
  } catch {
    return undefined
  }
}

/**
 * Talks to the mock at `origin`.
 * @throws NoAnswer, CommandError
 */
export const createAsk =
  (origin: URL): Ask =>
  async (method, path, body = {}) => {
    const at = origin.origin
    let reply
    try {
      reply = await send(new URL(path, at), method, method === 'GET' ? '' : JSON.stringify(body))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      throw new NoAnswer(
        code === 'ECONNREFUSED'
          ? `nothing listens at ${at}; start the mock (wechat-mock), or set its URL (--url, WECHAT_MOCK_URL)`
          : `the mock at ${at} cannot be reached: ${message}`,
      )
    }
    const { status, answer } = reply
    const json = read(answer)
    if (json === undefined) {
      throw new CommandError(
        `the server at ${at} is not a wechat-mock (HTTP ${status} to ${method} ${path}); set its URL (--url, WECHAT_MOCK_URL)`,
      )
    }
    if (status >= 400) {
      throw new CommandError(
        typeof json.code === 'string'
          ? `${json.code}: ${String(json.message)}`
          : `HTTP ${status} to ${method} ${path}: ${answer}`,
      )
    }
    return json
  }
