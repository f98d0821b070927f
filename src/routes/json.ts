import formbody from '@fastify/formbody'
import type { TObject, TString } from '@sinclair/typebox'
import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import { isSpent, restored } from './body.ts'

/**
 * Makes a scope read and write JSON independently of the app's parsers, validators and serialisers, which may expect another library's schemas or
 * raw bodies. The schemas of replies only document them: an error handler or an envelope of the app may add properties.
 */
export async function speakJson(scope: FastifyInstance, validates: 'own' | "the app's"): Promise<void> {
  if (!scope.hasContentTypeParser('application/x-www-form-urlencoded')) await scope.register(formbody)
  scope.addHook('preParsing', ({ raw, method, url }, _reply, payload, done) => {
    if (!isSpent(raw, payload)) return done(null, payload)
    const body = restored(raw)
    if (body !== undefined) return done(null, body)
    done(
      new Error(
        `A hook or a middleware has read the body of ${method} ${url} before fastify-wechat-pay: exempt this route, or keep the body in request.raw.body`,
      ),
    )
  })
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // wx.request declares JSON even if it sends nothing.
    if (body === '') done(null, undefined)
    else parse(request, body as string, done)
  })
  if (validates === 'own') scope.setValidatorCompiler(validator as FastifySchemaCompiler<unknown>)
  scope.setSerializerCompiler(() => (data) => JSON.stringify(data instanceof Error ? told(data) : data))
}

/** Routes added to this scope from now on are left out by @fastify/swagger. */
export function hideRoutes(scope: FastifyInstance): void {
  scope.addHook('onRoute', (route) => {
    // A property that @fastify/swagger declares, which need not be installed.
    route.schema = Object.assign({}, route.schema, { hide: true })
  })
}

/** All that our routes need from a validator: objects whose properties are strings, each with its pattern, some of them optional. */
function validator({ schema }: { schema: TObject<Record<string, TString>> }) {
  const rules = Object.entries(schema.properties).map(
    ([name, { pattern }]) =>
      [name, pattern === undefined ? undefined : new RegExp(pattern), schema.required?.includes(name)] as const,
  )
  return (value: unknown) => {
    const error = rules.flatMap(([name, pattern, required]) => {
      const text = (value as Record<string, unknown> | null | undefined)?.[name]
      if (text === undefined && !required) return []
      if (typeof text === 'string' && (pattern === undefined || pattern.test(text))) return []
      return [
        {
          instancePath: `/${name}`,
          message: `must be a string${pattern === undefined ? '' : ` that matches ${pattern.source}`}`,
        },
      ]
    })
    return error.length > 0 ? { error } : { value }
  }
}

/** The properties of an error that Fastify serialises, which are not enumerable there. */
function told({
  statusCode,
  code,
  error,
  message,
}: Error & { statusCode?: number; code?: string; error?: string }): object {
  return { statusCode, code, error, message }
}
