// What the tenant configured (GET /api/widget/config), and what the page
// overrides through ChatConnect.theme.

export interface Settings {
  clientId: string;
  title: string;
  greeting: string;
  placeholder: string;
  suggestedQuestions: string[];
  primaryColor: string;
  position: string;
  colorScheme: string;
  locale: string;
  launcherText: string;
  launcherIcon: string;
  avatarUrl: string;
}

const PATIENCE = 5;

/**
 * loadSettings asks until there is an answer, or nobody waits for it any more. The key is in the address and
 * no header is added, so browsers need no preflight, and revalidate their copy
 * by its ETag.
 */
export const loadSettings = async (base: string, key: string, gone: () => boolean): Promise<Settings | undefined> => {
  for (let tries = 0; tries < PATIENCE && !gone(); tries++) {
    try {
      const response = await fetch(`${base}/api/widget/config?key=${key}`, { credentials: 'omit' });
      if (response.ok) return await response.json();
      if (response.status < 500 && response.status !== 429) {
        console.warn(`ChatConnect: ${(await response.json()).detail}`);
        return undefined;
      }
    } catch {
      // The network, or a proxy's page: try again.
    }
    await new Promise((resolve) => setTimeout(resolve, 2000 * 2 ** tries));
  }
  return undefined;
};
