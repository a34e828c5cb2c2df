// What the tests are told about the machine, as environment variables.

import { readFileSync } from "node:fs";
import { join } from "node:path";

function required(name, meaning) {
  const value = process.env[name];
  if (!value) throw new Error(`Set ${name} to ${meaning}. \`cargo xtask test\` does so.`);
  return value;
}

/** The program under test. */
export const longwire = () => required("LONGWIRE", "the path of the program `longwire`");

/** Our side of tests with programs of others. */
export const longwireInterop = () => required("LONGWIRE_INTEROP", "the path of the program `longwire-interop`");

export const chromium = () => required("CHROMIUM", "the path of a Chromium or Chrome");

/** NSS's tool, with which Chromium is made to trust the certificate authority of the tests. */
export const certutil = () => required("CERTUTIL", "the path of NSS's certutil (Debian: libnss3-tools)");

/** Paths of a certificate authority and of a leaf certificate for localhost, 127.0.0.1 and ::1. */
export function certificates() {
  const folder = required("LONGWIRE_CERTS", "a folder with ca.pem, cert.pem and key.pem");
  return { ca: join(folder, "ca.pem"), cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
}

export const certificateAuthority = () => readFileSync(certificates().ca);
