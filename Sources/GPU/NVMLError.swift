/// Why NVML did not do what it was asked: codes of `nvmlReturn_t` (docs.nvidia.com/deploy/nvml-api).
enum NVMLError: Error, Sendable, Hashable, CustomStringConvertible {
    case notLoaded(String)
    case code(Int32)

    static let functionNotFound = NVMLError.code(13)

    /// The driver is gone or is another one: the library has to be initialised anew.
    var endsSession: Bool {
        switch self {
        // UNINITIALIZED, DRIVER_NOT_LOADED, LIB_RM_VERSION_MISMATCH, UNKNOWN
        case .code(1), .code(9), .code(18), .code(999): true
        default: false
        }
    }

    /// GPU_IS_LOST, RESET_REQUIRED: this device alone.
    var endsDevice: Bool { self == .code(15) || self == .code(16) }

    var description: String {
        switch self {
        case .notLoaded(let reason): reason
        case .code(1): "NVML is not initialised"
        case .code(3): "not supported"
        case .code(4): "no permission"
        case .code(9): "the NVIDIA driver is not loaded"
        case .code(13): "the library lacks the function"
        case .code(15): "the GPU is lost"
        case .code(18): "library and driver are of different versions"
        case .code(let code): "NVML error \(code)"
        }
    }
}
