// The addresses that every published package names. They are filled in at one place: package.json of the root.

const FIELDS = ['repository', 'homepage', 'bugs'];

/**
 * Fields of the root's package.json without which a release must not be published: npm refuses provenance without
 * `repository`, and users need the others.
 * @param {Record<string, unknown>} own package.json of the root
 * @returns {string[]}
 */
export const missingAddresses = (own) => FIELDS.filter((field) => !own[field]);

/**
 * Addresses for one package.
 * @param {Record<string, any>} own package.json of the root
 * @param {string} [directory] folder of the package in the repository; undefined for the root
 * @returns {Record<string, unknown>} without the fields that the root does not have
 */
export function addressesOf(own, directory) {
  const { repository, homepage, bugs } = own;
  const located = typeof repository === 'string' ? { type: 'git', url: repository } : repository && { ...repository };
  return {
    ...(located && { repository: { ...located, ...(directory && { directory }) } }),
    ...(homepage && { homepage }),
    ...(bugs && { bugs }),
  };
}
