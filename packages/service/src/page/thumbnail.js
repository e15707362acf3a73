/** Small pictures of photographs, so that a gallery of many stays light. */

const SIDE = 480;

/**
 * @param {Blob} file
 * @returns {Promise<string | undefined>} a URL; undefined for a format that the browser does not show
 */
export async function thumbnail(file) {
  try {
    const whole = await createImageBitmap(file);
    const scale = Math.min(1, SIDE / Math.max(whole.width, whole.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(whole.width * scale));
    canvas.height = Math.max(1, Math.round(whole.height * scale));
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(whole, 0, 0, canvas.width, canvas.height);
    whole.close();
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));
    return blob === null ? undefined : URL.createObjectURL(blob);
  } catch {
    return undefined;
  }
}
