import type { JavaScriptTypeBuilder, TSchema } from '@sinclair/typebox'

const OPTIONAL = Symbol('optional')

/**
 * The TypeBox builders that our schemas use, with TypeBox's types. Only the types are imported: loading TypeBox would take longer than loading the
 * rest of the plugin, and it builds plain JSON Schema.
 */
export const Type = {
  Boolean: (options?: object) => ({ ...options, type: 'boolean' }),
  Integer: (options?: object) => ({ ...options, type: 'integer' }),
  Literal: (value: string, options?: object) => ({ ...options, const: value, type: 'string' }),
  Object: (properties: Record<string, TSchema>, options?: object) => {
    const required = Object.keys(properties).filter((name) => !(OPTIONAL in properties[name]!))
    return { ...options, type: 'object', ...(required.length > 0 && { required }), properties }
  },
  Optional: (schema: TSchema) => ({ ...schema, [OPTIONAL]: true }),
  String: (options?: object) => ({ ...options, type: 'string' }),
  Union: (anyOf: TSchema[], options?: object) => ({ ...options, anyOf }),
} as unknown as Pick<
  JavaScriptTypeBuilder,
  'Boolean' | 'Integer' | 'Literal' | 'Object' | 'Optional' | 'String' | 'Union'
>
