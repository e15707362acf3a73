export default {
  // Native files and the model cannot be part of a bundle.
  serverExternalPackages: ['hyperiqa'],
  // For `output: 'standalone'` nothing else is needed: the files of hyperiqa are found by following them.
  output: 'standalone',
};
