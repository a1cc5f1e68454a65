import { Alert, Button, Center, Image, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { Navigate, useSearchParams } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';
import { messageOf } from '@/lib/errors';
import { meQuery, useLogin } from '@/lib/session';

/** A path of this site only: `next` comes from the address bar. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/';
}

export function LoginPage() {
  const [params] = useSearchParams();
  const me = useQuery(meQuery); // also brings the CSRF cookie that the form needs
  const login = useLogin();
  const form = useForm({
    initialValues: { username: '', password: '' },
    validate: {
      username: (value) => (value.trim() ? null : 'Enter your user name.'),
      password: (value) => (value ? null : 'Enter your password.'),
    },
  });

  if (me.data?.user) return <Navigate to={safeNext(params.get('next'))} replace />;
  return (
    <Center component="main" mih="100vh" bg="gray.0" p="md">
      <Stack w={360} gap="md">
        <Stack align="center" gap={6}>
          <Image src="/favicon.svg" w={48} h={48} alt="" />
          <Title order={1} size="h2">Odontoid</Title>
          <Text size="sm" c="dimmed" ta="center">Blinded reading of the upper cervical spine on MRI</Text>
        </Stack>
        <Paper withBorder p="lg" bg="white">
          <form
            noValidate
            onSubmit={form.onSubmit(({ username, password }) =>
              login.mutate(
                { username: username.trim(), password },
                { onError: () => form.setFieldValue('password', '') },
              ),
            )}
          >
            <Stack>
              {params.has('next') && !login.isError && (
                <Text size="sm">Sign in to go on where you were.</Text>
              )}
              {login.isError && (
                <Alert color="red" role="alert" title="Not signed in">{messageOf(login.error)}</Alert>
              )}
              <TextInput label="User name" autoComplete="username" autoFocus {...form.getInputProps('username')} />
              <PasswordInput
                label="Password"
                autoComplete="current-password"
                visibilityToggleButtonProps={{ 'aria-label': 'Show or hide what is typed' }}
                {...form.getInputProps('password')}
              />
              <Button type="submit" loading={login.isPending}>Sign in</Button>
            </Stack>
          </form>
        </Paper>
        {me.isError && <ErrorNotice error={me.error} onRetry={() => void me.refetch()} />}
        <Text size="xs" c="dimmed" ta="center">
          For research use only. Not a medical device: nothing here may guide the care of a patient.
        </Text>
      </Stack>
    </Center>
  );
}
