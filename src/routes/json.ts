import formbody from '@fastify/formbody'
import type { TObject, TString } from '@sinclair/typebox'
import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import { isSpent, restored } from './body.ts'

/**
 * Makes a scope read and write JSON in its own way, whatever the host app's parsers, validators and serialisers do: those know schemas of another library,
 * or give bodies as they came. Replies are not cut to their schemas, which document them, so that an error handler or an envelope of the host may say more.
 */
export async function speakJson(scope: FastifyInstance): Promise<void> {
  if (!scope.hasContentTypeParser('application/x-www-form-urlencoded')) await scope.register(formbody)
  scope.addHook('preParsing', ({ raw, method, url }, _reply, payload, done) => {
    if (!isSpent(raw, payload)) return done(null, payload)
    const body = restored(raw)
    if (body !== undefined) return done(null, body)
    done(
      new Error(
        `A hook or a middleware has read the body of ${method} ${url} before fastify-wechat-pay: exempt it, or keep what was read in request.raw.body`,
      ),
    )
  })
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // wx.request says JSON even when it sends nothing.
    if (body === '') done(null, undefined)
    else parse(request, body as string, done)
  })
  scope.setValidatorCompiler(validator as FastifySchemaCompiler<unknown>)
  scope.setSerializerCompiler(() => (data) => JSON.stringify(data instanceof Error ? told(data) : data))
}

/** All that our routes need of a validator: an object whose properties are texts, each of its pattern. */
function validator({ schema }: { schema: TObject<Record<string, TString>> }) {
  const rules = Object.entries(schema.properties).map(
    ([name, { pattern }]) => [name, pattern === undefined ? undefined : new RegExp(pattern)] as const,
  )
  return (value: unknown) => {
    const error = rules.flatMap(([name, pattern]) => {
      const text = (value as Record<string, unknown> | null | undefined)?.[name]
      if (typeof text === 'string' && (pattern === undefined || pattern.test(text))) return []
      return [
        {
          instancePath: `/${name}`,
          message: `must be a text${pattern === undefined ? '' : ` that matches ${pattern.source}`}`,
        },
      ]
    })
    return error.length > 0 ? { error } : { value }
  }
}

/** What Fastify tells of an error: what it hands over to be serialised has these as properties that do not enumerate. */
function told({
  statusCode,
  code,
  error,
  message,
}: Error & { statusCode?: number; code?: string; error?: string }): object {
  return { statusCode, code, error, message }
}
