import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify'
import { badInput } from '../base/checks.ts'
import { strict } from './schemas.ts'

interface Problem {
  readonly instancePath: string
  readonly keyword: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
}

/** The first broken rule as a field, its rule and a sentence. */
function problemError({ instancePath, keyword, message, params }: Problem): Error {
  const extra = (params.additionalProperty ?? params.missingProperty) as string | undefined
  const field = [...instancePath.split('/').slice(1), ...(extra === undefined ? [] : [extra])].join('.') || 'body'
  const allowed = params.allowedValues === undefined ? '' : `: ${(params.allowedValues as string[]).join(', ')}`
  return badInput(field, keyword, `${message}${allowed}`)
}

/** A route that says nothing of a body or a query takes none: what it would ignore must not look as if it had worked. */
const NOTHING: FastifySchema = { body: strict({}), querystring: strict({}) }

const PARTS = ['body', 'querystring', 'headers'] as const

function check(request: FastifyRequest, schema: FastifySchema): void {
  for (const part of PARTS) {
    const wanted = schema[part] as Record<string, unknown> | undefined
    if (!wanted) continue
    const validate = request.compileValidationSchema(wanted, part)
    const input = part === 'querystring' ? request.query : request[part]
    if (!validate(input as Record<string, unknown>)) throw problemError((validate.errors as unknown as Problem[])[0]!)
  }
}

/**
 * Checks what the routes added from now on are given against their schemas, each of which is compiled when it is needed
 * first: to compile all of them takes as long as the rest of the start.
 */
export function validateLazily(app: FastifyInstance): void {
  const schemas = new Map<string, FastifySchema>()
  app.addHook('onRoute', (route) => {
    schemas.set(`${String(route.method)} ${route.url}`, { ...NOTHING, ...route.schema })
    delete route.schema
  })
  app.addHook('preValidation', async (request) => {
    for (const [name, value] of Object.entries(request.params as object)) {
      if (value === '') {
        throw badInput(name, 'minLength', 'must not be empty in the path')
      }
    }
    // A POST without a body is a POST of {}: every field of the control API has a default or says that it is missing.
    request.body ??= {}
    const schema = schemas.get(`${request.method} ${request.routeOptions.url!}`)
    if (schema) check(request, schema)
  })
}
