import { Type, type TProperties } from '@sinclair/typebox'

/** An object that refuses unknown fields: a mistyped option must not look as if it had worked. */
export const Strict = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false })

/** One of some texts; unlike a union of literals it gets an error message that lists them. */
export const OneOf = <T extends string>(...values: T[]) => Type.Unsafe<T>({ type: 'string', enum: values })

export const InWorld = Type.Object({ world: Type.String() })
export const OfOrder = Type.Object({ world: Type.String(), outTradeNo: Type.String() })
