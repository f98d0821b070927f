import type { Schema } from '../base/schema.ts'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { VERSION } from '../version.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly parameters?: readonly object[]
  readonly requestBody?: object
  readonly responses: object
}

export interface OpenApi {
  readonly openapi: '3.1.0'
  readonly info: object
  readonly servers: readonly object[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: object
}

/** A route's description of itself. */
interface RouteSchema {
  readonly summary: string
  readonly querystring?: Schema
  readonly headers?: Schema
  readonly body?: Schema
}

const parameters = (place: 'path' | 'query' | 'header', { properties = {}, required = [] }: Schema) =>
  Object.entries(properties).map(([name, schema]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema,
  }))

const ERROR = {
  type: 'object',
  required: ['code', 'message'],
  properties: {
    code: { type: 'string', description: 'The kind of error, for programs.' },
    message: { type: 'string', description: 'What went wrong, the value, and what to do.' },
    field: { type: 'string', description: 'For BAD_INPUT: the invalid field.' },
    rule: { type: 'string', description: 'For BAD_INPUT: the violated rule.' },
  },
}

const json = (schema: object) => ({ 'application/json': { schema } })

/** `POST /worlds/:world/journal/find` → `postJournalFind`, `GET /worlds/:world/faults/:name` → `getFaultsByName`. */
function operationId(method: string, url: string): string {
  const words = url
    .replace(/^\/worlds\/:world(?=\/)/, '')
    .replace('/worlds/:world', '/world')
    .replaceAll(':', 'by/')
    .split(/[/.-]/)
    .filter((word) => word !== '')
  return method.toLowerCase() + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
}

function operation(method: string, url: string, { summary, querystring, headers, body }: RouteSchema): Operation {
  const names = [...url.matchAll(/:(\w+)/g)].map(([, name]) => name!)
  const all = [
    ...parameters('path', { properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) }),
    ...(querystring ? parameters('query', querystring) : []),
    ...(headers ? parameters('header', headers) : []),
  ]
  return {
    operationId: operationId(method, url),
    summary,
    tags: [url.split('/').find((part, n) => n > 1 && !part.startsWith(':')) ?? 'worlds'],
    ...(all.length > 0 && { parameters: all }),
    ...(body && { requestBody: { required: (body.required ?? []).length > 0, content: json(body) } }),
    responses: {
      [method === 'POST' && CREATED.includes(url) ? '201' : '200']: { description: 'Done.' },
      default: { description: 'Refused: nothing was changed.', content: json({ $ref: '#/components/schemas/Error' }) },
    },
  }
}

/** The routes that answer 201. */
const CREATED = ['/worlds', '/worlds/:world/snapshots', '/worlds/:world/notifications']

/**
 * Collects the routes added to the control API from now on. The returned function describes them with the very schemas
 * that check their input.
 */
export function describeRoutes(app: FastifyInstance): (controlUrl: string) => OpenApi {
  const routes: Pick<RouteOptions, 'url' | 'method' | 'schema'>[] = []
  // A copy: input validation removes the schema from the route.
  app.addHook('onRoute', (route) => {
    routes.push({ ...route })
  })
  const prefix = app.prefix
  return (controlUrl) => {
    const paths: Record<string, Record<string, Operation>> = {}
    for (const { url: whole, method, schema = {} } of routes) {
      // Fastify adds HEAD to each GET automatically.
      if (method === 'HEAD') continue
      const url = whole.slice(prefix.length)
      const path = url.replace(/:(\w+)/g, '{$1}')
      paths[path] = {
        ...paths[path],
        [String(method).toLowerCase()]: operation(String(method), url, schema as RouteSchema),
      }
    }
    return {
      openapi: '3.1.0',
      info: {
        title: 'wechat-mock control API',
        version: VERSION,
        description: 'Controls the emulated WeChat: worlds, payments, time, faults, gates and the journal.',
      },
      servers: [{ url: controlUrl }],
      paths,
      components: { schemas: { Error: ERROR } },
    }
  }
}
