import { notifications } from '@mantine/notifications';

/** Tells the reader something that the page itself has no place for. */
export function say(message: string): void {
  // Found out twice, said once.
  notifications.show({ id: message, color: 'yellow', message, autoClose: 15_000 });
}
