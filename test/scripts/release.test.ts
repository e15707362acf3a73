/** Tests the change that a release makes to the changelog. */
import { expect, test } from 'vitest';

import { follows, released, section } from '../../scripts/release.mjs';

const changelog = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A.\n\n## [1.0.0] - 2026-01-01\n\n- First.\n';

test('what was unreleased becomes a version', () => {
  const after = released(changelog, '1.1.0', '2026-02-03');
  expect(section(after, '## [Unreleased]')).toBe('');
  expect(after).toContain('## [1.1.0] - 2026-02-03\n');
  expect(section(after, '## [1.1.0]')).toBe('### Added\n\n- A.');
  expect(section(after, '## [1.0.0]')).toBe('- First.');
  expect(section(after, '## [1.2.0]')).toBeUndefined();
});

test('nothing unreleased, a version that is there, and no section are refused', () => {
  expect(() => released(released(changelog, '1.1.0', ''), '1.2.0', '')).toThrow(/nothing under "Unreleased"/);
  expect(() => released(changelog, '1.0.0', '')).toThrow(/has 1\.0\.0 already/);
  expect(() => released('# Changelog\n', '1.0.0', '')).toThrow(/no section "Unreleased"/);
});

test.each([
  ['1.0.0', '0.9.9', true],
  ['0.10.0', '0.9.0', true],
  ['0.1.0', '0.1.0', true],
  ['0.9.0', '0.10.0', false],
])('%s after %s: %s', (version, before, expected) => {
  expect(follows(version, before)).toBe(expected);
});

test.each(['1.0', 'v1.0.0', '1.0.0-rc.1', ''])('%s is no version', (version) => {
  expect(() => follows(version, '0.1.0')).toThrow(/three numbers/);
});
