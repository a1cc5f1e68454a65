import { failure } from '@/lib/api-client';

/** Printed at 20 cm, three pixels a point are 300 dpi and more. */
const SCALE = 3;

/** Draw the server's SVG onto a canvas and offer it as a file. */
export async function saveFlowAsPng(address: string): Promise<void> {
  const answer = await fetch(address, { credentials: 'same-origin' });
  if (!answer.ok) throw failure(answer.status, null);
  const source = URL.createObjectURL(new Blob([await answer.text()], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth * SCALE;
    canvas.height = image.naturalHeight * SCALE;
    const context = canvas.getContext('2d');
    if (!context) throw new Error('This browser cannot draw.');
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (!blob) throw new Error('The picture is too large for this browser.');
    const file = URL.createObjectURL(blob);
    const link = document.createElement('a');
    link.href = file;
    link.download = 'patient-flow.png';
    link.click();
    // The download reads the address after the click returns.
    setTimeout(() => URL.revokeObjectURL(file), 10_000);
  } finally {
    URL.revokeObjectURL(source);
  }
}
