import { createCipheriv, createECDH, createHash, createHmac, createPrivateKey, pbkdf2Sync, sign } from 'node:crypto'
import { bits, integer, NULL, octets, oid, pem, sequence, set, tagged, TRUE, utcTime, utf8 } from './der.ts'

/** A certificate and its key, as PEM texts. */
export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

/** The same in one file, as WeChat's platform gives it. */
export interface CertificateFile {
  readonly pfx: Buffer
  readonly passphrase: string
}

/** The random input of a certificate, drawn by the caller: the same bytes produce the same certificate. */
export interface CertificateSeed {
  /** 32 bytes: the key of the merchant. */
  readonly key: Buffer
  /** 20 bytes. */
  readonly serial: Buffer
}

const P256 = sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7'))
const ED25519 = sequence(oid('1.3.101.112'))
const COMMON_NAME = oid('2.5.4.3')
const ORGANIZATION = oid('2.5.4.10')

const attribute = (type: Buffer, value: string) => set(sequence(type, utf8(value)))
const AUTHORITY = 'wechat-mock test authority'
/** Test names: the certificate must not be mistaken for one issued by Tencent. */
const ISSUER = sequence(attribute(ORGANIZATION, 'wechat-mock'), attribute(COMMON_NAME, AUTHORITY))

interface Key {
  readonly privateDer: Buffer
  readonly publicDer: Buffer
}

/** A P-256 key pair: the seed is the private number. */
function merchantKey(seed: Buffer): Key {
  const curve = createECDH('prime256v1')
  // Below the order of the curve, and not zero.
  const number = Buffer.concat([Buffer.from([0x7f & seed[0]!]), seed.subarray(1, 31), Buffer.from([1 | seed[31]!])])
  curve.setPrivateKey(number)
  const point = curve.getPublicKey()
  return {
    privateDer: sequence(integer(0), P256, octets(sequence(integer(1), octets(number), tagged(1, bits(point))))),
    publicDer: sequence(P256, bits(point)),
  }
}

/** The authority is the same for every mock. It signs with Ed25519, whose signatures are deterministic. */
const authorityKey = () =>
  createPrivateKey({
    key: sequence(integer(0), ED25519, octets(octets(createHash('sha256').update(AUTHORITY).digest()))),
    format: 'der',
    type: 'pkcs8',
  })

/** From 2020 to 2049, regardless of the world's time. */
const VALID = sequence(utcTime(new Date(Date.UTC(2020, 0, 1))), utcTime(new Date(Date.UTC(2049, 11, 31))))

const extension = (type: string, value: Buffer, critical = false) =>
  sequence(oid(type), ...(critical ? [TRUE] : []), octets(value))
const EXTENSIONS = tagged(
  3,
  sequence(
    extension('2.5.29.19', sequence(), true),
    // digitalSignature
    extension('2.5.29.15', Buffer.from([3, 2, 7, 0x80]), true),
    // clientAuth
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2'))),
  ),
)

interface Issued extends Key {
  readonly certDer: Buffer
}

/** The client certificate of a merchant: its common name is the mch_id, as WeChat issues them. */
function issue(mchId: string, seed: CertificateSeed): Issued {
  const key = merchantKey(seed.key)
  const body = sequence(
    tagged(0, integer(2)),
    integer(Buffer.concat([Buffer.from([1]), seed.serial.subarray(1)])),
    ED25519,
    ISSUER,
    VALID,
    sequence(attribute(ORGANIZATION, 'wechat-mock'), attribute(COMMON_NAME, mchId)),
    key.publicDer,
    EXTENSIONS,
  )
  return { ...key, certDer: sequence(body, ED25519, bits(sign(null, body, authorityKey()))) }
}

export function certificatePair(mchId: string, seed: CertificateSeed): CertificatePair {
  const { certDer, privateDer } = issue(mchId, seed)
  return { cert: pem('CERTIFICATE', certDer), key: pem('PRIVATE KEY', privateDer) }
}

/** The key is for tests and the passphrase is public: more iterations would gain nothing. */
const ITERATIONS = 16
const DATA = oid('1.2.840.113549.1.7.1')
const SHA256 = sequence(oid('2.16.840.1.101.3.4.2.1'), NULL)

/** PBES2: PBKDF2 with HMAC-SHA256, and AES-256 (RFC 8018), which OpenSSL 3 reads without its legacy provider. */
function encrypted(plain: Buffer, passphrase: string, salt: Buffer, iv: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync(passphrase, salt, ITERATIONS, 32, 'sha256'), iv)
  const kdf = sequence(
    oid('1.2.840.113549.1.5.12'),
    sequence(octets(salt), integer(ITERATIONS), sequence(oid('1.2.840.113549.2.9'), NULL)),
  )
  const scheme = sequence(oid('2.16.840.1.101.3.4.1.42'), octets(iv))
  return sequence(
    sequence(oid('1.2.840.113549.1.5.13'), sequence(kdf, scheme)),
    octets(Buffer.concat([cipher.update(plain), cipher.final()])),
  )
}

/** The key of the MAC: RFC 7292, appendix B, for one block of SHA-256. */
function macKey(passphrase: string, salt: Buffer): Buffer {
  const blockOf = (bytes: Buffer) => Buffer.alloc(64 * Math.ceil(bytes.length / 64), bytes)
  const password = Buffer.from(`${passphrase}\0`, 'utf16le').swap16()
  let digest = Buffer.concat([Buffer.alloc(64, 3), blockOf(salt), blockOf(password)])
  for (let n = 0; n < ITERATIONS; n++) digest = createHash('sha256').update(digest).digest()
  return digest
}

const bag = (type: string, value: Buffer, ...attributes: Buffer[]) =>
  sequence(oid(type), tagged(0, value), set(...attributes))

/** The pair as a PKCS #12 file (RFC 7292). The passphrase is the mch_id, as with WeChat's own files. */
export function certificateFile(mchId: string, seed: CertificateSeed): CertificateFile {
  const { certDer, privateDer } = issue(mchId, seed)
  const digest = (label: string) => createHmac('sha256', seed.key).update(label).digest()
  const [salt, iv, macSalt] = [
    digest('salt').subarray(16),
    digest('iv').subarray(16),
    digest('mac').subarray(16),
  ] as const
  const id = createHash('sha1').update(certDer).digest()
  const localKeyId = sequence(oid('1.2.840.113549.1.9.21'), set(octets(id)))
  const cert = bag(
    '1.2.840.113549.1.12.10.1.3',
    sequence(oid('1.2.840.113549.1.9.22.1'), tagged(0, octets(certDer))),
    localKeyId,
  )
  const key = bag('1.2.840.113549.1.12.10.1.2', encrypted(privateDer, mchId, salt, iv), localKeyId)
  const safe = sequence(...[cert, key].map((content) => sequence(DATA, tagged(0, octets(sequence(content))))))
  const mac = createHmac('sha256', macKey(mchId, macSalt)).update(safe).digest()
  return {
    pfx: sequence(
      integer(3),
      sequence(DATA, tagged(0, octets(safe))),
      sequence(sequence(SHA256, octets(mac)), octets(macSalt), integer(ITERATIONS)),
    ),
    passphrase: mchId,
  }
}
