type Properties = Record<string, unknown>

/** The names that are not required are optional. */
type ObjectOf<P extends Properties, Required extends string> = {
  -readonly [K in keyof P as K extends Required ? K : never]: BodyOf<P[K]>
} & { -readonly [K in keyof P as K extends Required ? never : K]?: BodyOf<P[K]> }

type Flat<T> = { [K in keyof T]: T[K] }

interface Primitives {
  string: string
  number: number
  integer: number
  boolean: boolean
  null: null
}

/**
 * The type of the values that a schema allows: of TypeBox by its own type, of zod by its output, of JSON Schema as far as its keywords `type`, `properties`,
 * `required`, `items`, `enum`, `const` and `anyOf` tell. Anything else is `unknown`.
 */
export type BodyOf<Schema> = 0 extends 1 & Schema
  ? any // of `any`
  : Schema extends { static: infer T }
    ? T
    : Schema extends { _output: infer T }
      ? T
      : Schema extends { const: infer T }
        ? T
        : Schema extends { enum: readonly (infer T)[] }
          ? T
          : Schema extends { anyOf: readonly (infer Each)[] }
            ? BodyOf<Each>
            : Schema extends { type: 'object'; properties: infer P extends Properties }
              ? Flat<ObjectOf<P, Schema extends { required: readonly (infer R extends string)[] } ? R : never>>
              : Schema extends { type: 'array'; items: infer Item }
                ? BodyOf<Item>[]
                : Schema extends { type: infer T extends keyof Primitives }
                  ? Primitives[T]
                  : unknown
