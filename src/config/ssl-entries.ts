// Settings of TLS for pages: `spark.ssl.KEY` for all, `spark.ssl.NAMESPACE.KEY` over it for one kind of them.
import { definePrefix, type KeyPrefix } from './config-entry.ts';

export const SSL: KeyPrefix = definePrefix({
  prefix: 'spark.ssl.',
  rest: 'KEY',
  doc: "TLS of pages; `spark.ssl.standalone.KEY` says it for those of masters and workers alone, and wins. Keys: `enabled`; `keyStore` (PKCS#12) with `keyStorePassword`, or `certChain` and `privateKey` with `privateKeyPassword` (PEM); `trustStore` (PEM) and `needClientAuth`; `protocol` (`TLS`, `TLSv1.2`, `TLSv1.3`); `enabledAlgorithms` (OpenSSL's names of ciphers); and `port`, for one kind alone.",
});
