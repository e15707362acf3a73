/**
 * The normal and Student's t distribution, as far as intervals and tests need them, to about 14 digits.
 *
 * Why not a library: simple-statistics 7.12 has two to three digits here (Φ(1.96) = 0.975, Φ⁻¹(0.975) = 1.957), jstat 1.9
 * has no types and takes upper tails as 1 − Φ, so that small p-values are lost, and @stdlib is right but brings 140
 * packages of 16 MB.
 */

/** φ(z). */
const density = (z: number): number => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);

/** 1 − Φ(z), accurate in the tail as well (p-values). @internal */
export function normalUpperTail(z: number): number {
  if (Number.isNaN(z)) return NaN;
  if (z < 0) return 1 - normalUpperTail(-z);
  if (z > 40) return 0;
  if (z < 2.5) {
    // Abramowitz & Stegun 26.2.11: Φ(z) = 1/2 + φ(z)·(z + z³/3 + z⁵/(3·5) + …)
    let term = z;
    let sum = z;
    for (let odd = 3; term > sum * 1e-17; odd += 2) {
      term *= (z * z) / odd;
      sum += term;
    }
    return 0.5 - density(z) * sum;
  }
  // Laplace's continued fraction, 26.2.14: φ(z) / (z + 1/(z + 2/(z + 3/(z + …)))); 100 levels suffice from 2.5 on.
  let fraction = z;
  for (let level = 100; level > 0; level--) fraction = z + level / fraction;
  return density(z) / fraction;
}

/** Φ(z), the probability of a standard normal value below z. @internal */
export const normalCdf = (z: number): number => normalUpperTail(-z);

/** Φ⁻¹(p); ∓Infinity at 0 and 1. @internal */
export function normalQuantile(probability: number): number {
  if (!(probability >= 0 && probability <= 1)) return NaN;
  if (probability > 0.5) return -normalQuantile(1 - probability);
  if (probability === 0) return -Infinity;
  // A start good to 3 digits (Abramowitz & Stegun 26.2.23), then Halley's iteration on the upper tail.
  const t = Math.sqrt(-2 * Math.log(probability));
  let z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (let i = 0; i < 3; i++) {
    const error = (normalUpperTail(z) - probability) / density(z);
    z += error / (1 - (error * z) / 2);
  }
  return -z;
}

/**
 * The t with P(|T| ≤ t) = `level` for Student's distribution with a whole number of degrees of freedom ≥ 1.
 *
 * @internal
 */
export function studentTQuantile(level: number, degrees: number): number {
  if (degrees >= 1000) {
    // Cornish–Fisher expansion about the normal quantile (Abramowitz & Stegun 26.7.5); the next term is below 1e-13.
    const z = normalQuantile((1 + level) / 2);
    const s = z * z;
    const g1 = (z * (s + 1)) / 4;
    const g2 = (z * (3 + s * (16 + 5 * s))) / 96;
    const g3 = (z * (-15 + s * (17 + s * (19 + 3 * s)))) / 384;
    const g4 = (z * (-945 + s * (-1920 + s * (1482 + s * (776 + 79 * s))))) / 92160;
    return z + (g1 + (g2 + (g3 + g4 / degrees) / degrees) / degrees) / degrees;
  }
  let low = 0;
  let high = Math.PI / 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (studentTCentral(middle, degrees) < level) low = middle;
    else high = middle;
  }
  return Math.tan((low + high) / 2) * Math.sqrt(degrees);
}

/** P(|T| ≤ √ν·tan θ) in closed form, Abramowitz & Stegun 26.7.3 (ν odd) and 26.7.4 (ν even). */
function studentTCentral(angle: number, degrees: number): number {
  const squaredCosine = Math.cos(angle) ** 2;
  const odd = degrees % 2;
  let term = odd === 1 ? Math.cos(angle) : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = 2 + odd; k < degrees; k += 2) {
    term *= (squaredCosine * (k - 1)) / k;
    sum += term;
  }
  const tail = Math.sin(angle) * sum;
  return odd === 1 ? (2 / Math.PI) * (angle + tail) : tail;
}
