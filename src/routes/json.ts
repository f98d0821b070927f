import formbody from '@fastify/formbody'
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'

/**
 * Makes a scope read and write JSON in its own way, whatever the host app's parsers, validators and serialisers do: those know schemas of another library,
 * or give bodies as they came. Replies are not cut to their schemas, which document them, so that an error handler or an envelope of the host may say more.
 */
export async function speakJson(scope: FastifyInstance): Promise<void> {
  if (!scope.hasContentTypeParser('application/x-www-form-urlencoded')) await scope.register(formbody)
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // wx.request says JSON even when it sends nothing.
    if (body === '') done(null, undefined)
    else parse(request, body as string, done)
  })
  scope.setValidatorCompiler(TypeBoxValidatorCompiler)
  scope.setSerializerCompiler(() => (data) => JSON.stringify(data instanceof Error ? told(data) : data))
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
