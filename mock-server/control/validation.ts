import type { FastifyInstance, FastifySchema } from 'fastify'
import { badInput } from '../base/checks.ts'
import { strict, validate, type Schema } from '../base/schema.ts'

/** A route that declares no body or query accepts none: input that would be ignored is refused. */
const NOTHING: FastifySchema = { body: strict({}), querystring: strict({}) }

const PARTS = ['body', 'querystring', 'headers'] as const

/** Checks the input of the routes added from now on against their schemas. */
export function validateInput(app: FastifyInstance): void {
  const schemas = new Map<string, FastifySchema>()
  app.addHook('onRoute', (route) => {
    schemas.set(`${String(route.method)} ${route.url}`, { ...NOTHING, ...route.schema })
    // Otherwise Fastify would compile it.
    delete route.schema
  })
  app.addHook('preValidation', async (request) => {
    for (const [name, value] of Object.entries(request.params as object)) {
      if (value === '') throw badInput(name, 'minLength', 'must not be empty in the path')
    }
    // A POST without a body counts as {}: every field of the control API has a default or is reported as missing.
    request.body ??= {}
    const schema = schemas.get(`${request.method} ${request.routeOptions.url!}`)
    for (const part of PARTS) {
      const input = part === 'querystring' ? request.query : request[part]
      if (schema?.[part]) validate(schema[part] as Schema, input)
    }
  })
}
