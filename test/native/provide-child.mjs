// Provides LibTorch with the wheels of a lock that the caller gives, and prints the folder.
const { provideLibTorch } = await import('../../dist/libtorch/install/provide.js');
console.log(await provideLibTorch({}, JSON.parse(process.argv[2])));
